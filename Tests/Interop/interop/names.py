"""Names (SPEC 1.3) and scopes (SPEC 3.3)."""

from __future__ import annotations

import re
from typing import Any

from .refusal import require
from .shape import text

_LABEL = "[a-z0-9_-]+"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})+")
_SCOPE = re.compile(rf"({_LABEL}\.)+|{_LABEL}(\.{_LABEL})+|")
_ROLE = re.compile("[a-z.-]+")


def name(value: Any) -> str:
    text(3, 128)(value)
    require(_NAME.fullmatch(value) is not None, "malformed", "not a name")
    return value


def scope(value: Any) -> str:
    text(0, 128)(value)
    require(_SCOPE.fullmatch(value) is not None, "malformed", "not a scope")
    return value


def role(value: Any) -> str:
    text(1, 32)(value)
    require(_ROLE.fullmatch(value) is not None, "malformed", "not a role")
    return value


def covers(outer: str, inner: str) -> bool:
    """Whether a scope covers a name or contains a scope: the same rule."""
    return outer == "" or outer == inner or (outer.endswith(".") and inner.startswith(outer))
