"""Pure knowledge of rights: what a publisher's words on a license mean, what that license allows, and what it demands."""
