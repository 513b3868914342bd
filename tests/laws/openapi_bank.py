"""A bank that describes itself, and the tool file that brings it under Interlock, for the laws about both."""

import copy
import json
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]

TOOLS: Final = """\
sources:
  bank: {openapi: bank.json}
tools:
  bank.get_balance: {source: bank, operation: get_balance, effect: read, credential: bank-read}
  bank.send_money:
    source: bank
    operation: send_money
    effect: write
    credential: bank-write
    retry: {native: {key_retention: 24h}}
    target: recipient
    preview: {operation: get_account, args: {account: "/recipient"}}
    undo: null
"""
"""The example of INTERFACES.md; its document is a file, so that the laws need no server."""

GIVEN: Final = {"INTERLOCK_ADDRESS_BANK": "http://127.0.0.1:9100"}

_ACCOUNT: Final = {"name": "account", "in": "path", "required": True, "schema": {"type": "string"}}

BANK: Final[Json] = {
    "openapi": "3.1.0",
    "info": {"title": "Bank", "version": "1"},
    "servers": [{"url": "/v1"}],
    "paths": {
        "/accounts/{account}": {
            "parameters": [_ACCOUNT],
            "get": {"operationId": "get_account", "summary": "One account."},
            "delete": {"operationId": "close_account", "summary": "Close it."},
        },
        "/accounts/{account}/balance": {
            "get": {
                "operationId": "get_balance",
                "summary": "What is on an account.",
                "parameters": [
                    _ACCOUNT,
                    {"name": "on", "in": "query", "schema": {"type": "string", "format": "date"}},
                    {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                ],
            }
        },
        "/transfers": {
            "get": {
                "operationId": "find_transfer",
                "parameters": [
                    {"name": "key", "in": "query", "required": True, "schema": {"type": "string"}}
                ],
            },
            "post": {
                "operationId": "send_money",
                "summary": "Send money.",
                "parameters": [{"$ref": "#/components/parameters/Key"}],
                "requestBody": {"$ref": "#/components/requestBodies/Transfer"},
            },
        },
        "/search": {
            "post": {
                "operationId": "search",
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {"type": "object", "properties": {"q": {"type": "string"}}}
                        }
                    }
                },
            }
        },
    },
    "components": {
        "parameters": {
            "Key": {"name": "Idempotency-Key", "in": "header", "required": True, "schema": {"type": "string"}}
        },
        "requestBodies": {
            "Transfer": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Transfer"}}},
            }
        },
        "schemas": {
            "Transfer": {
                "type": "object",
                "required": ["recipient", "amount"],
                "properties": {
                    "id": {"type": "string", "readOnly": True},
                    "recipient": {"type": "string", "minLength": 1, "maxLength": 34},
                    "amount": {"$ref": "#/components/schemas/Amount"},
                    "note": {"type": "string", "maxLength": 140},
                },
            },
            "Amount": {"type": "integer", "minimum": 1, "maximum": 9_223_372_036_854_775_807},
        },
    },
}


def bank() -> Json:
    """A copy to change."""
    return copy.deepcopy(BANK)


def written(folder: Path, document: Json | str, tools: str = TOOLS) -> Path:
    """A tool file beside its document."""
    text = document if isinstance(document, str) else json.dumps(document)
    (folder / "bank.json").write_text(text)
    file = folder / "tools.yaml"
    file.write_text(tools)
    return file
