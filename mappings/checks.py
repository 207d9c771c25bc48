from mappings.catalogue import Catalogue
from mappings.problems import Problems
from mappings.reader import Reader


def check_catalogue(catalogue: Catalogue, document: Reader, problems: Problems) -> None: ...
