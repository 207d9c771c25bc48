"""The part of flask-smorest that is used here, typed; the package ships no types."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint as FlaskBlueprint
from flask import Flask
from marshmallow import Schema
from webargs.flaskparser import FlaskParser

View = TypeVar("View", bound=Callable[..., Any])
Decorator = Callable[[View], View]

class Blueprint(FlaskBlueprint):
    ARGUMENTS_PARSER: FlaskParser
    def __init__(
        self,
        name: str,
        import_name: str,
        *,
        url_prefix: str | None = None,
        description: str | None = None,
    ) -> None: ...
    def arguments(
        self,
        schema: type[Schema],
        *,
        location: str = "json",
        required: bool = True,
        example: dict[str, Any] | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
    def response(
        self,
        status_code: int,
        schema: type[Schema] | dict[str, Any] | None = None,
        *,
        content_type: str | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
    def alt_response(
        self, status_code: int, *, schema: type[Schema] | None = None
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
    @staticmethod
    def doc(**kwargs: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...

class Api:
    spec: Any
    def __init__(self, app: Flask, *, spec_kwargs: dict[str, Any] | None = None) -> None: ...
    def register_blueprint(self, blueprint: Blueprint) -> None: ...
