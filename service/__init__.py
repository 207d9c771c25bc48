"""How people and programs reach Planshift: the HTTP API, the worker, the command line, the demo.

This room is thin. ``wiring`` builds everything once; a route parses, calls one function of
``adapter`` or ``webhooks``, and renders.
"""
