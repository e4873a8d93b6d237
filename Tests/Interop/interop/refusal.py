"""A refusal: one of the error classes of SPEC 10, and a word to people."""


class Refused(Exception):
    def __init__(self, error_class: str, why: str = "") -> None:
        super().__init__(f"{error_class}: {why}" if why else error_class)
        self.error_class = error_class


def require(condition: bool, error_class: str, why: str = "") -> None:
    if not condition:
        raise Refused(error_class, why)
