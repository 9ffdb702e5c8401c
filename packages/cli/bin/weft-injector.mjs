#!/usr/bin/env node
import '../dist/bundle/weft-injector.mjs';
