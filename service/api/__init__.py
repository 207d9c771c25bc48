"""The HTTP API: one module per noun, each giving a blueprint for the parts it is handed."""
