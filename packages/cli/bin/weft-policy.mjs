#!/usr/bin/env node
import '../dist/bundle/weft-policy.mjs';
