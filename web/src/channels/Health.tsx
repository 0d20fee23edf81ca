import type { Pulse } from '../api/live';
import { bitrateLabel } from '../player/playback';
import { byteSize } from '../text/format';
import { CHART, lineOf, spokenLine } from './chart';
import { chartsOf, frameRateText, sourceWords, type Chart } from './words';

/** What comes from the encoder, now and over the last five minutes. */
export function Health({ pulse }: { pulse: Pulse }) {
  const { source, seconds } = pulse;
  if (!source) return null;
  return (
    <section className="panel" aria-labelledby="health-title" data-testid="health">
      <h2 id="health-title">What comes in</h2>
      <dl className="room-figures digits">
        {figures(pulse).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div className="charts">
        {chartsOf(seconds).map((chart) => (
          <LineChart key={chart.title} chart={chart} />
        ))}
      </div>
    </section>
  );
}

function figures({ source, broadcast, renditions }: Pulse): [string, string][] {
  if (!source) return [];
  const encoder = broadcast?.encoder ?? '';
  const bits = source.video_bits_per_second + source.audio_bits_per_second;
  const key = source.key_frame_interval_ms;
  const all: [string, string | null][] = [
    ['Protocol', broadcast?.protocol.toUpperCase() ?? null],
    ['Encoder', encoder === '' ? null : encoder],
    ['Format', sourceWords(source)],
    ['Bitrate', bitrateLabel(bits)],
    ['Frames a second', frameRateText(source.frames_per_1000_s)],
    ['Key frames every', key === null ? null : `${(key / 1000).toFixed(1)} s`],
    ['Round trip', source.rtt_ms === null ? null : `${source.rtt_ms} ms`],
    ['Received', byteSize(source.bytes)],
    ['Sent as', renditions.length === 0 ? null : renditions.join(', ')],
  ];
  return all.filter((figure): figure is [string, string] => figure[1] !== null);
}

/** One line; its newest second is at the right. */
function LineChart({ chart: { title, values, text, least } }: { chart: Chart }) {
  const { line, area, max } = lineOf(values, least);
  const last = values.findLast((value) => value !== null);
  return (
    <figure className="chart" data-testid="chart" data-title={title} data-last={last ?? ''}>
      <figcaption>
        <span>{title}</span>
        <strong className="digits">{last == null ? '–' : text(last)}</strong>
      </figcaption>
      <svg
        viewBox={`0 -2 ${CHART.width} ${CHART.height + 4}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={spokenLine(title, values, text)}
      >
        <path className="chart-grid" d={`M0 0H${CHART.width}M0 ${CHART.height / 2}H${CHART.width}`} />
        <path className="chart-base" d={`M0 ${CHART.height}H${CHART.width}`} />
        <path className="chart-area" d={area} />
        <path className="chart-line" d={line} />
      </svg>
      <div className="chart-axis digits" aria-hidden="true">
        <span>5 min ago</span>
        <span>up to {text(max)}</span>
        <span>now</span>
      </div>
    </figure>
  );
}
