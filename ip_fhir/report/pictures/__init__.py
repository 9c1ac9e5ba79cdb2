"""Pictures as SVG: the drawing surface and the timeline."""
