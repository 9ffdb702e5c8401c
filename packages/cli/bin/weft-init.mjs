#!/usr/bin/env node
import '../dist/bundle/weft-init.mjs';
