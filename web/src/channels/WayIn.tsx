import type { Channel } from '../api/live';
import { CopyField } from '../ui/CopyField';
import { encoderSettings } from './encoder';
import { useRevealed } from './secrets';

/** What to put into an encoder. */
export function WayIn({ channel, open }: { channel: Channel; open: boolean }) {
  const revealed = useRevealed(channel.channel);
  const settings = encoderSettings(channel, revealed);
  if (settings.rtmp === null && settings.srt === null) {
    return <p className="panel soft">This server takes no streams: its operator has opened no way in.</p>;
  }
  return (
    <details className="panel way-in" open={open || settings.known} data-testid="way-in">
      <summary>
        <h2>Send to this channel</h2>
      </summary>
      {settings.server !== null && (
        <section className="way" aria-labelledby="obs-title">
          <h3 id="obs-title">OBS Studio</h3>
          <p className="small soft">
            Settings, Stream: choose the service “Custom…” and copy both fields. Under Output set the keyframe
            interval to 2 s, and the tuning to zerolatency for the least delay.
          </p>
          <CopyField label="Server" value={settings.server} testId="obs-server" />
          {settings.known ? (
            <CopyField label="Stream Key" value={settings.key} testId="obs-key" />
          ) : (
            <p className="small soft" data-testid="key-hidden">
              The stream key was shown when it was made. If it is lost, make another one with “New stream
              key”.
            </p>
          )}
        </section>
      )}
      <section className="way" aria-labelledby="ffmpeg-title">
        <h3 id="ffmpeg-title">ffmpeg</h3>
        {!settings.known && (
          <p className="small soft">
            Put your stream key where it says <code>STREAM_KEY</code>
            {settings.srt !== null && (
              <>
                , and your passphrase where it says <code>PASSPHRASE</code>
              </>
            )}
            .
          </p>
        )}
        {settings.rtmp !== null && (
          <CopyField label="Over RTMP" value={settings.rtmp} rows={4} testId="ffmpeg-rtmp" />
        )}
        {settings.srt !== null && (
          <CopyField
            label="Over SRT, for links that lose packets"
            value={settings.srt}
            rows={4}
            testId="ffmpeg-srt"
          />
        )}
      </section>
    </details>
  );
}
