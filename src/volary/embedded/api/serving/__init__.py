"""What clients ask about the API, and the forms of answers: discovery, OpenAPI, tables, protobuf."""
