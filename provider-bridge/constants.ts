/** A card or manifest file in YAML, in bytes. */
export const MAX_CARD_BYTES = 256 * 1024;
/** YAML aliases that one file may use: enough for a person, too few for a bomb. */
export const MAX_YAML_ALIASES = 100;
/** Fields of one protobuf message that are looked at before it is taken for rubbish. */
export const MAX_ONNX_FIELDS = 5_000_000;
/** Taking a release's content over the swarm; a second try goes on where the first was. */
export const PUBLISH_TIMEOUT_MS = 30 * 60 * 1000;
/** Telling one gateway that the catalog has changed. It asks again anyway when it connects. */
export const NOTICE_TIMEOUT_MS = 10_000;
