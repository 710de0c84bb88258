//! A manifest that uses every field.

use serde_json::{Value, json};

pub(super) fn full() -> Value {
    json!({
        "$schema": "https://apexagent.dev/schema/plugin_metadata_schema.json",
        "name": "Full",
        "id": "com.example.full",
        "version": "1.2.3-rc.1+build.5",
        "description": "Uses every field.",
        "author": "Example & Söhne",
        "entry_point": "full::Full",
        "actions": [
            {
                "name": "greet",
                "description": "Greets.",
                "parameters": [
                    {"name": "to", "type": "string", "description": "Whom.", "required": true, "minLength": 1},
                    {"name": "times", "type": "integer", "required": false, "default": 1, "minimum": 1},
                    {"name": "among", "type": "array", "required": false, "items": {"type": "string"}},
                ],
                "returns": {"type": "string"},
                "supports_progress_reporting": true,
                "returns_stream": false,
                "blocking": true,
                "timeout_ms": 5000,
                "read_only": true,
                "destructive": false,
                "idempotent": true,
                "open_world": false,
                "examples": [{"params": {"to": "Ada", "times": 2}, "result": "Hello, Ada!", "run": true}],
            },
            {
                "name": "stream",
                "description": "Streams.",
                "parameters_schema": {
                    "type": "object",
                    "properties": {"n": {"$ref": "#/$defs/count"}, "code": {"type": "string", "pattern": "^[a-z]+$"}},
                    "$defs": {"count": {"type": "integer", "default": 3}},
                },
                "returns_schema": {"type": "integer"},
                "supports_progress_reporting": false,
                "returns_stream": true,
                "stream_metadata": {"content_type": "application/json", "rate": 5},
                "blocking": false,
            },
        ],
        "dependencies": {
            "plugins": [
                {"id": "com.example.base", "version_specifier": ">=1.2,<2.0", "description": "Its base.", "optional": true},
            ],
            "python_libraries": [
                {"name": "requests", "version_specifier": "~=2.31", "import_check_module": "requests", "description": "HTTP.", "optional": false},
            ],
        },
        "tags": ["demo", "full"],
        "icon": "assets/icon.svg",
        "homepage": "https://example.com/full",
        "license": "MIT OR Apache-2.0",
        "permissions_required": ["net.connect:443"],
        "configuration_schema": {"type": "object", "properties": {"greeting": {"type": "string", "default": "Hello"}}},
        "checksum": {"algorithm": "blake3", "value": "0".repeat(64)},
        "signature": {"method": "ed25519", "key_id": "a".repeat(64), "value": format!("{}==", "A".repeat(86))},
        "default_enabled": false,
        "api_version": "^1",
        "x-team": "blue",
    })
}
