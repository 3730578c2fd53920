"""What the product promises (docs/promises.md), proven on running servers by what a client sees and keeps."""
