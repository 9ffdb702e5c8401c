#!/usr/bin/env node
// Starts the bundle that the build makes of src/bin/weft-proxy.ts; here, so that the link exists before the build.
import '../dist/bundle/weft-proxy.mjs';
