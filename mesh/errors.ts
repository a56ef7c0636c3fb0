import { defineError } from '../core/index.ts';

export const PeerUnreachableError = defineError(
  'PeerUnreachableError',
  'ERR_PEER_UNREACHABLE',
  'A peer cannot be reached, or went away before it answered.',
  'Check that it runs and that both machines are on one network; `floormesh doctor` looks at ports and discovery.',
);
export const RpcRefusedError = defineError(
  'RpcRefusedError',
  'ERR_RPC_REFUSED',
  'A peer does not answer this request.',
  'It may run another version or another role; check which process listens at that address.',
);
export const PortInUseError = defineError(
  'PortInUseError',
  'ERR_PORT_IN_USE',
  'Another process listens on this port already.',
  'Stop the other process, or choose another port (0 takes any that is free).',
);
export const ListenFailedError = defineError(
  'ListenFailedError',
  'ERR_LISTEN_FAILED',
  'The addresses to listen on cannot be used.',
  'Check that each address belongs to this machine and that the port may be opened by this user.',
);
export const NoSourceError = defineError(
  'NoSourceError',
  'ERR_NO_SOURCE',
  'Nobody who can be reached has this content.',
  'Check that the gateway, or a node that has it, runs; the transfer goes on from where it stopped.',
);
