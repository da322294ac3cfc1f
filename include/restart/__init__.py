"""Replace the tasks of services without a shortage of healthy ones."""
