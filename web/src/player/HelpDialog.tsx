import { Dialog } from '../ui/Dialog';
import { LIVE_SHORTCUTS, SHORTCUTS } from './shortcuts';

export function HelpDialog({ live, onClose }: { live: boolean; onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose} testId="help-dialog">
      <dl className="shortcuts">
        {(live ? LIVE_SHORTCUTS : SHORTCUTS).map(([keys, effect]) => (
          <div key={effect}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{effect}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
