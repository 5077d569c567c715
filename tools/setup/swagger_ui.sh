# Swagger UI, the page that shows the description of the HTTP routes: out of a Python package that carries it as it is
# released (the npm package has the same files, but wants npm on the machine).

swagger_ui_wheel=drf-spectacular-sidecar==2026.10.1

fetch_swagger_ui() {
  local folder=$1
  "$deps/python-convert/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps \
    --only-binary=:all: -d "$folder/wheel" "$swagger_ui_wheel" || return 1
  "$deps/python-convert/bin/python" - "$folder" <<'PYTHON' || return 1
import pathlib, sys, zipfile
folder = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(next((folder / "wheel").glob("*.whl"))) as wheel:
    inside = "drf_spectacular_sidecar/static/drf_spectacular_sidecar/swagger-ui-dist"
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "LICENSE", "swagger-ui-bundle.js.LICENSE.txt"):
        # Without the references to source maps, which are not there.
        text = wheel.read(f"{inside}/{name}")
        kept = [line for line in text.split(b"\n") if b"# sourceMappingURL=" not in line]
        (folder / name).write_bytes(b"\n".join(kept))
PYTHON
  rm -rf "$folder/wheel"
}

need_swagger_ui() {
  local folder=$cache/swagger-ui-${swagger_ui_wheel##*=}
  if [ ! -d "$folder" ]; then
    step "fetching Swagger UI" in_fresh_folder "$folder" fetch_swagger_ui
  fi
  link "$folder" swagger-ui
}
