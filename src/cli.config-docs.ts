import { writeFileSync } from 'node:fs';
import { configurationMarkdown, gatewayJsonSchema } from './config/config-docs.js';

/** Writes what is generated from the schema. Run it from the checkout's root. */
writeFileSync('config/gateway.schema.json', gatewayJsonSchema());
writeFileSync('docs/CONFIGURATION.md', configurationMarkdown());
