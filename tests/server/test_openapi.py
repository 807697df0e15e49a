"""The OpenAPI document says all there is, with examples that are true."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from argus_core.server import bodies as server_bodies
from argus_core.server import openapi
from argus_core.server.app import create_app
from argus_core.server.examples import EXAMPLES
from argus_core.wire import decode, encode


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(lambda: pytest.fail("nobody opens it here")).openapi()


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_every_operation_says_what_it_answers_and_refuses(document: dict[str, Any]) -> None:
    assert len(operations(document)) > 50
    for operation in operations(document):
        answers = operation["responses"]
        assert operation["description"]
        assert any(status.startswith("2") for status in answers)
        for status in ("422", "429", "503"):
            assert "application/problem+json" in answers[status]["content"]
            assert answers[status]["content"]["application/problem+json"]["example"]["code"]
        assert ("401" in answers) == ("security" in operation) or operation["operationId"].startswith(
            ("log_in", "refresh", "sign_up")
        )


def test_every_body_and_value_has_an_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is not None:
            name = content["schema"]["$ref"].rpartition("/")[2]
            assert schemas[name]["examples"], name
    for name in (
        "User",
        "Conversation",
        "Message",
        "Turn",
        "SignedIn",
        "Allowance",
        "Invite",
        "ModelInfo",
        "SearchHit",
    ):
        assert schemas[name]["examples"], name


@pytest.mark.parametrize("cls", EXAMPLES, ids=lambda cls: cls.__name__)
def test_examples_are_what_the_wire_carries(cls: type) -> None:
    assert decode(cls, encode(EXAMPLES[cls])) == EXAMPLES[cls]


def test_the_document_refers_to_nothing_that_is_missing(document: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for value in node for found in references(value)] if isinstance(node, list) else []

    for reference in references(document):
        assert reference.rpartition("/")[2] in document["components"]["schemas"], reference


def test_no_body_has_the_name_of_a_value(document: dict[str, Any]) -> None:
    bodies = {name for name, cls in vars(server_bodies).items() if isinstance(cls, type) and issubclass(cls, BaseModel)}
    assert bodies
    assert not bodies & set(openapi.SCHEMAS.components)
    assert set(openapi.SCHEMAS.components) <= set(document["components"]["schemas"])
