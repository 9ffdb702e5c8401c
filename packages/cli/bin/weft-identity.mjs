#!/usr/bin/env node
import '../dist/bundle/weft-identity.mjs';
