"""Field numbers of the Kubernetes API in protobuf, compiled from the `generated.proto` files of its Go modules."""
