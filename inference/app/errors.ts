import { defineError } from '../../core/index.ts';

export const PictureInvalidError = defineError(
  'PictureInvalidError',
  'ERR_PICTURE_INVALID',
  'The bytes are not a picture that can be read, or the picture is too large.',
  'Send a whole JPEG, PNG, WebP, GIF or TIFF file within the bounds of inference/app/constants.ts.',
);
export const PictureCodecMissingError = defineError(
  'PictureCodecMissingError',
  'ERR_PICTURE_CODEC_MISSING',
  'This machine has no picture codec: the package sharp cannot be loaded here.',
  'Install sharp for this platform, or deploy apps that read pictures to other nodes.',
);
export const SoundInvalidError = defineError(
  'SoundInvalidError',
  'ERR_SOUND_INVALID',
  'The bytes are not a sound that can be read, or the sound is too long.',
  'Send a WAV file (PCM of 8, 16, 24 or 32 bits, or float) within the bounds of inference/app/constants.ts.',
);
