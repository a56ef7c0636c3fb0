const SECOND_MS = 1000;
const KiB = 1024;
const MiB = 1024 * KiB;

/** Peers beside the gateway that a node connects to. More cost twice the CPU for each message gossiped. */
export const MAX_NODE_PEERS = 8;
/** Peers of everyone else: a gateway or a bridge serves whoever comes. */
export const MAX_PEERS = 300;
/** How far beyond its bound a host lets peers come to it before it closes connections. */
export const PEER_SLACK = 4;

/** Above the yamux default of 256 KiB a window only has to stay below the 4 MiB that a paused stream may hold. */
export const MAX_STREAM_WINDOW_BYTES = 1 * MiB;
/** Several hosts may share one address (tests, the demo, a proxy), and all may come at the same time. */
export const MAX_INBOUND_PER_SECOND = 100;

export const DIAL_TIMEOUT_MS = 10 * SECOND_MS;
/** First and longest wait between attempts to dial. */
export const DIAL_BACKOFF_MS = { first: 500, longest: 30 * SECOND_MS };
/** A connection that ends sooner was not wanted by the other side: it is not dialled again at once. */
export const SHORT_CONNECTION_MS = 5 * SECOND_MS;
/** Of two that find each other at the same time, one waits, so that they do not connect twice. */
export const YIELD_MS = 2 * SECOND_MS;
/** Addresses that discovery keeps. */
export const MAX_FOUND_PEERS = 500;
export const MAX_ADDRESSES_PER_PEER = 8;
/** Addresses that are kept for the next start. */
export const MAX_KNOWN_PEERS = 64;
export const SAVE_KNOWN_PEERS_MS = 2 * SECOND_MS;
export const MDNS_INTERVAL_MS = 10 * SECOND_MS;

/** A peer that was not heard for this long is pinged, and given up when it does not answer. */
export const LIVENESS_INTERVAL_MS = 15 * SECOND_MS;
export const LIVENESS_TIMEOUT_MS = 10 * SECOND_MS;

export const RPC_TIMEOUT_MS = 10 * SECOND_MS;
/** How long a caller may take to send its request once its stream is open. */
export const RPC_REQUEST_TIMEOUT_MS = 10 * SECOND_MS;
/** Requests of one name that one peer may have open. */
export const MAX_RPC_STREAMS = 32;

/** One gossip frame, which may hold several facts. */
export const MAX_GOSSIP_FRAME_BYTES = 1 * MiB;
