"""Grafana dashboards as code: `python -m k8s.dashboards` writes their JSON for the component."""
