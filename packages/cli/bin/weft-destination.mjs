#!/usr/bin/env node
import '../dist/bundle/weft-destination.mjs';
