"""How is a running server asked, ours or one that speaks as ours does? What is read is data, never trusted words."""
