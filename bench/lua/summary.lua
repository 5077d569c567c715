-- What both scripts print at the end: one line of JSON after the word "summary".
-- errors.status counts answers that are not 2xx or 3xx.

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'summary {"requests": %d, "seconds": %.6f, "p50_ms": %.4f, "p99_ms": %.4f, "errors": ' ..
    '{"connect": %d, "read": %d, "write": %d, "timeout": %d, "status": %d}}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect, e.read, e.write, e.timeout, e.status))
  io.flush()
end
