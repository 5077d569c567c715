-- Posts the lines of a file in turn, from the first again after the last, and says when COUNT answers are
-- there: embeddings.lua BODIES_FILE COUNT [binary]
--
-- A line is a body; with `binary` it is the length of the body's JSON and the whole body as hexadecimal digits.
-- It goes on after that, so that the server is under full load until the clock has stopped.

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "summary.lua")

local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } weir_time;
  int clock_gettime(int clock, weir_time *now);
]]
local CLOCK_MONOTONIC = 1
local now = ffi.new("weir_time")

local requests, sent, answered, bad = {}, 0, 0, 0
local count, start

local function seconds()
  ffi.C.clock_gettime(CLOCK_MONOTONIC, now)
  return tonumber(now.seconds) + tonumber(now.nanoseconds) * 1e-9
end

function init(args)
  local headers = { ["Content-Type"] = "application/json" }
  for line in io.lines(args[1]) do
    if args[3] == "binary" then
      local length, digits = line:match("^(%d+) (%x+)$")
      headers["Inference-Header-Content-Length"] = length
      line = digits:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end)
    end
    requests[#requests + 1] = wrk.format("POST", nil, headers, line)
  end
  count = tonumber(args[2])
end

-- wrk asks once before it connects, to look at the request: that one is never sent.
local looked_at = false

function request()
  if not looked_at then
    looked_at = true
    return requests[1]
  end
  start = start or seconds()
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function response(status)
  if status ~= 200 then bad = bad + 1 end
  answered = answered + 1
  if answered == count then
    io.write(string.format('reached {"answers": %d, "bad": %d, "seconds": %.6f}\n', answered, bad, seconds() - start))
    io.flush()
  end
end
