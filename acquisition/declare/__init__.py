"""1 declare: sources.yaml → Declaration, every error with file, line and column, and the JSON Schema for editors."""

from acquisition.declare.load import Declared, load
from acquisition.declare.schema import schema, schema_text
from acquisition.declare.starter import starter

__all__ = ["Declared", "load", "schema", "schema_text", "starter"]
