import { useRef, useState } from 'react';
import { freshName } from '../api/fresh';
import { createChannel, type RevealedChannel } from '../api/live';
import { Dialog } from '../ui/Dialog';
import { Form } from '../ui/Form';
import { ChannelFields, USUAL } from './ChannelFields';

interface NewChannelDialogProps {
  onClose: () => void;
  onMade: (channel: RevealedChannel) => void;
}

export function NewChannelDialog({ onClose, onMade }: NewChannelDialogProps) {
  const [choices, setChoices] = useState(USUAL);
  // One key for all presses of the button: an answer that was lost makes no second channel.
  const key = useRef({ request: '', key: '' });
  const save = async () => {
    const wish = { ...choices, name: choices.name.trim() };
    const request = JSON.stringify(wish);
    if (key.current.request !== request) key.current = { request, key: freshName() };
    onMade(await createChannel(wish, key.current.key));
  };
  return (
    <Dialog title="New channel" onClose={onClose} testId="new-channel">
      <Form
        action="Create"
        work={save}
        onCancel={onClose}
        disabled={choices.name.trim() === ''}
        testId="create-channel"
      >
        <ChannelFields value={choices} onValue={setChoices} />
      </Form>
    </Dialog>
  );
}
