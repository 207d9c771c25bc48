from mappings.catalogue import Catalogue
from mappings.problems import Problems


def check_rules(catalogue: Catalogue, problems: Problems) -> None: ...
