#!/usr/bin/env node
import '../dist/bundle/weft-proxy.mjs';
