"""Pages ask for a right by name; the table page × role × scope in the tests walks every one of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from .scope import forbidden, scope

View = Callable[..., HttpResponse]
RIGHTS: dict[str, tuple[str, ...]] = {}
"""Page (module.function) → the verbs of which one is needed. A page without an entry fails the walk."""


def needs(*verbs: str) -> Callable[[View], View]:
    """Let only people in who hold one of ``verbs`` somewhere; ``request.scope`` is the scope of the first they hold.

    Objects outside the scope answer 404, alike for "not yours" and "never was" (faults.md A1).
    """

    def wrap(view: View) -> View:
        RIGHTS[f"{view.__module__}.{view.__name__}"] = verbs

        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            for verb in verbs:
                if mine := scope(request.user, verb):
                    request.scope = mine
                    return view(request, *args, **kwargs)
            raise forbidden(request.user, verbs[0])

        inner.verbs = verbs  # type: ignore[attr-defined]
        return inner

    return wrap


def anyone(view: View) -> View:
    """A page for everybody who is signed in (home, own password, a job of one's own)."""
    RIGHTS[f"{view.__module__}.{view.__name__}"] = ()
    view.verbs = ()  # type: ignore[attr-defined]
    return view


def found(value: Any) -> Any:
    """The object, or 404."""
    if value is None:
        raise Http404
    return value
