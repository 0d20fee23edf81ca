import { useState } from 'react';
import { changeChannel, deleteChannel, kick, rotateKey, type Channel } from '../api/live';
import { navigate } from '../state/router';
import { Button } from '../ui/Button';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { CopyField } from '../ui/CopyField';
import { Dialog } from '../ui/Dialog';
import { Form } from '../ui/Form';
import { Icon } from '../ui/Icon';
import { Menu, MenuItem } from '../ui/Menu';
import { toast } from '../ui/toasts';
import { useAction } from '../ui/useAction';
import { ChannelFields } from './ChannelFields';
import { putAway, reveal, useRevealed } from './secrets';
import { onAirNow } from './words';

interface RoomActionsProps {
  channel: Channel;
  state: Channel['state'];
  onChannel: (channel: Channel) => void;
}

type Asking = 'kick' | 'rotate' | 'delete' | 'settings' | null;

export function RoomActions({ channel, state, onChannel }: RoomActionsProps) {
  const [asking, setAsking] = useState<Asking>(null);
  const close = () => setAsking(null);
  return (
    <div className="room-actions">
      {onAirNow(state) && (
        <Button look="danger" onClick={() => setAsking('kick')} data-testid="kick">
          End broadcast
        </Button>
      )}
      <Button icon="key" onClick={() => setAsking('rotate')} data-testid="rotate-key">
        New stream key
      </Button>
      <Menu label={`More for ${channel.name}`} button={<Icon name="more" />} testId="room-menu">
        <MenuItem icon="pencil" onSelect={() => setAsking('settings')}>
          Settings…
        </MenuItem>
        <MenuItem icon="trash" danger onSelect={() => setAsking('delete')}>
          Delete channel…
        </MenuItem>
      </Menu>
      <Asked asking={asking} channel={channel} onChannel={onChannel} onClose={close} />
      <KeyDialog id={channel.channel} />
    </div>
  );
}

interface AskedProps {
  asking: Asking;
  channel: Channel;
  onChannel: (channel: Channel) => void;
  onClose: () => void;
}

function Asked({ asking, channel, onChannel, onClose }: AskedProps) {
  if (asking === null) return null;
  if (asking === 'settings') return <SettingsDialog {...{ channel, onChannel, onClose }} />;
  const asked = QUESTIONS[asking];
  return <Question key={asking} {...asked} channel={channel} onClose={onClose} />;
}

interface Asks {
  title: string;
  text: string;
  action: string;
  keep: string;
  work: (channel: Channel) => Promise<void>;
}

const QUESTIONS: Record<'kick' | 'rotate' | 'delete', Asks> = {
  kick: {
    title: 'End the broadcast?',
    text: 'Viewers see that it is over. The encoder may come again with the same key; make another key to keep it out.',
    action: 'End it',
    keep: 'Go on',
    work: async ({ channel }) => {
      await kick(channel);
      toast('The broadcast was ended.');
    },
  },
  rotate: {
    title: 'Make another stream key?',
    text: 'The key and passphrase that you have stop working at once, and what is on air with them ends. The new ones are shown once.',
    action: 'Make a new key',
    keep: 'Keep the old one',
    work: async ({ channel }) => reveal(await rotateKey(channel)),
  },
  delete: {
    title: 'Delete the channel?',
    text: 'What it sends ends, its key opens nothing any more, and links to it stop working. Recordings stay in the library.',
    action: 'Delete',
    keep: 'Keep it',
    work: async ({ channel, name }) => {
      await deleteChannel(channel);
      toast(`“${name}” was deleted.`);
      navigate('/channels');
    },
  },
};

function Question({ work, channel, onClose, ...words }: Asks & { channel: Channel; onClose: () => void }) {
  const { busy, error, run } = useAction();
  const confirm = () =>
    run(async () => {
      await work(channel);
      onClose();
    });
  return <ConfirmDialog {...words} busy={busy} error={error} onConfirm={confirm} onClose={onClose} />;
}

function SettingsDialog({ channel, onChannel, onClose }: Omit<AskedProps, 'asking'>) {
  const { name, visibility, rungs, dvr_seconds, recording } = channel;
  const [choices, setChoices] = useState({ name, visibility, rungs, dvr_seconds, recording });
  const save = async () => {
    onChannel(await changeChannel(channel.channel, { ...choices, name: choices.name.trim() }));
    onClose();
  };
  return (
    <Dialog title="Settings of the channel" onClose={onClose} testId="channel-settings">
      <p className="small soft">What is on air goes on as it is; changes hold from the next broadcast on.</p>
      <Form
        action="Save"
        work={save}
        onCancel={onClose}
        disabled={choices.name.trim() === ''}
        testId="save-channel"
      >
        <ChannelFields value={choices} onValue={setChoices} />
      </Form>
    </Dialog>
  );
}

/** The one time that the secrets are shown; the settings below know them until the page is left. */
function KeyDialog({ id }: { id: string }) {
  const revealed = useRevealed(id);
  const [seen, setSeen] = useState<string | null>(null);
  if (!revealed || seen === revealed.key) return null;
  return (
    <Dialog title="Keep this stream key" onClose={() => setSeen(revealed.key)} testId="stream-key">
      <p className="soft">
        Whoever has it can broadcast on this channel. It is shown this once; make another one if it is lost.
      </p>
      {revealed.rtmp !== null && <CopyField label="Server" value={revealed.rtmp} testId="key-server" />}
      <CopyField label="Stream Key" value={revealed.key ?? ''} testId="key" />
      {revealed.srt !== null && revealed.passphrase !== null && (
        <CopyField label="SRT passphrase" value={revealed.passphrase} testId="passphrase" />
      )}
      <div className="form-actions">
        <Button onClick={putAway}>Put it away</Button>
        <Button
          look="primary"
          onClick={() => setSeen(revealed.key)}
          data-testid="key-kept"
          data-initial-focus
        >
          I have kept it
        </Button>
      </div>
    </Dialog>
  );
}
