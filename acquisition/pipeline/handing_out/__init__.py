"""What leaves the workspace: bundles, pushes to a hub, web archives."""
