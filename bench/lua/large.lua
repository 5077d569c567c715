-- Posts one body with binary tensors again and again: large.lua BODY_FILE LENGTH_OF_ITS_JSON

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "summary.lua")

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  wrk.headers["Content-Type"] = "application/octet-stream"
  wrk.headers["Inference-Header-Content-Length"] = args[2]
  file:close()
end
