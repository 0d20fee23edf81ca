/** What encoders are set to, to copy. */
import type { Channel, RevealedChannel } from '../api/live';

/** Stands for a key that is not known any more. */
export const HIDDEN_KEY = 'STREAM_KEY';

export interface EncoderSettings {
  /** OBS: Settings, Stream, Custom. Null where RTMP is not offered. */
  server: string | null;
  key: string;
  /** Whether the key is the real one. */
  known: boolean;
  rtmp: string | null;
  srt: string | null;
}

const INPUT = 'ffmpeg -re -i film.mp4';
const VIDEO = '-c:v libx264 -preset veryfast -tune zerolatency -b:v 3000k -maxrate 3000k -bufsize 3000k';
const KEYS = '-pix_fmt yuv420p -force_key_frames "expr:gte(t,n_forced*2)"';
const AUDIO = '-c:a aac -b:a 128k -ar 48000';

/** The ways in of a channel; `revealed` while its secrets have just been shown. */
export function encoderSettings(channel: Channel, revealed: RevealedChannel | null): EncoderSettings {
  const key = revealed?.key ?? HIDDEN_KEY;
  const srt = revealed?.srt ?? channel.srt;
  const make = [INPUT, VIDEO, KEYS, AUDIO].join(' ');
  return {
    server: channel.rtmp,
    key,
    known: revealed?.key != null,
    rtmp: channel.rtmp && `${make} -f flv "${channel.rtmp}/${key}"`,
    srt: srt && `${make} -f mpegts "${srtAddress(srt)}"`,
  };
}

/** With the passphrase's place marked where it is not known, and the latency that a connection over the world needs. */
function srtAddress(srt: string): string {
  const secret = srt.includes('passphrase=') ? '' : '&passphrase=PASSPHRASE';
  return `${srt}${secret}&latency=200000&mode=caller`;
}
