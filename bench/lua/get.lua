-- Asks for the same again and again: get.lua

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "summary.lua")
