"""The shapes of `argus_core.wire` as JSON Schema: the OpenAPI document is made from the same types as the answers."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from argus_core.server.examples import EXAMPLES
from argus_core.wire import encode, kind_of

Schema = dict[str, Any]
_SCALARS: dict[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
}


class Schemas:
    """Collects the components that answers refer to."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def of(self, hint: Any) -> Schema:
        """Return the schema of a type annotation; dataclasses become components."""
        if hint in _SCALARS:
            return _SCALARS[hint]
        origin, args = get_origin(hint), get_args(hint)
        if origin is Literal:
            return {"type": "string", "enum": list(args)}
        if origin is tuple:
            return self._list(args)
        if origin in (Union, UnionType):
            return self._union(args)
        return self._component(cast(type, hint))

    def page(self, item: type) -> Schema:
        """Return the schema of a `Page` of these."""
        cursor = {"type": ["string", "null"], "description": "Asks for the next page; null or absent at the end."}
        items = {"type": "array", "items": self.of(item)}
        return {"type": "object", "properties": {"items": items, "next_cursor": cursor}}

    def items(self, item: Any) -> Schema:
        """Return the schema of a list in an object."""
        items = {"type": "array", "items": self.of(item)}
        return {"type": "object", "properties": {"items": items}, "required": ["items"]}

    def _list(self, args: tuple[Any, ...]) -> Schema:
        schema: Schema = {"type": "array", "items": self.of(args[0])}
        if args[-1] is not Ellipsis:
            schema |= {"minItems": len(args), "maxItems": len(args)}
        return schema

    def _union(self, args: tuple[Any, ...]) -> Schema:
        some = [self.of(arg) for arg in args if arg is not NoneType]
        if len(some) == len(args):
            return {"oneOf": some}
        return {"anyOf": [*some, {"type": "null"}]}

    def _component(self, cls: type) -> Schema:
        if not is_dataclass(cls):
            raise TypeError(f"no schema for {cls!r}")
        if cls.__name__ not in self.components:
            self.components[cls.__name__] = {}  # first, so that a type may hold itself
            self.components[cls.__name__] = self._object(cls)
        return {"$ref": f"#/components/schemas/{cls.__name__}"}

    def _object(self, cls: Any) -> Schema:
        hints = get_type_hints(cls)
        properties: dict[str, Schema] = {}
        required: list[str] = []
        kind = kind_of(cls)
        if kind is not None:
            properties["type"] = {"type": "string", "const": kind}
            required.append("type")
        for each in fields(cls):
            properties[each.name] = self.of(hints[each.name])
            if each.default is MISSING and each.default_factory is MISSING:
                required.append(each.name)
        schema: Schema = {"type": "object", "description": (cls.__doc__ or "").strip(), "properties": properties}
        if required:
            schema["required"] = required
        if cls in EXAMPLES:
            schema["examples"] = [encode(EXAMPLES[cls])]
        return schema
