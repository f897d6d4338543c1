import { openHub } from './hub.js';
import { knockAt, ownAddressTowards } from './knocking.js';
import { openLink } from './link.js';
import type { Transport } from './transport.js';

/** ZeroMQ: tcp between machines, ipc on one. */
export const sockets: Transport = { openHub, openLink, knock: knockAt, ownAddressTowards };
