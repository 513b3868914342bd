"""How each part of a policy is compared with what it was."""
