# bash completion for mailcli. Written by `mailcli completion`; do not edit.

_mailcli_ask() {  # candidates from the local mailbox, quoted for the command line
  local line value
  while IFS= read -r line; do
    value=${line%%$'\t'*}
    COMPREPLY+=("$(printf '%q' "$value")")
  done < <(mailcli ${account:+-A "$account"} ${profile:+--profile "$profile"} \
    __complete "$1" -- "$2" 2>/dev/null)
}

_mailcli_offer() {  # by kind
  case "$1" in
    =*) COMPREPLY=($(compgen -W "${1#=}" -- "$2")) ;;
    files) compopt -o filenames; COMPREPLY=($(compgen -f -- "$2")) ;;
    dirs) compopt -o filenames; COMPREPLY=($(compgen -d -- "$2")) ;;
    accounts|folders|ids|addresses|changes|queries) _mailcli_ask "$1" "$2" ;;
  esac
}

_mailcli() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
  local path='' words='' options='' arg='' value='' account='' profile='' i word
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case "$word" in
      -A|--account) account=${COMP_WORDS[i+1]}; ((i++)) ;;
      --profile) profile=${COMP_WORDS[i+1]}; ((i++)) ;;
      -A|--account|--format|--color|--config|--transcript|--profile|--log-file) ((i++)) ;;
      -*) ;;
      *) case "$path" in
           ''|attach|draft|outbox|folder|query|contact|index|account|config) path="${path:+$path }$word" ;;
         esac ;;
    esac
  done
  case "$path" in sync) path=fetch ;; esac
  case "$prev" in
    -A|--account) value='accounts' ;;
    --format) value='-' ;;
    --color) value='=auto always never' ;;
    --config) value='files' ;;
    --transcript) value='files' ;;
    --profile) value='dirs' ;;
    --log-file) value='files' ;;
  esac
  case "$path" in
    '') words='fetch watch list search read attach ui send reply forward bounce draft outbox sendmail delete move copy archive spam ham flag undo redo log folder query contact import export index account config doctor demo completion help' ;;
    'attach') words='list save open' ;;
    'draft') words='list edit send delete' ;;
    'outbox') words='list show run hold retry cancel' ;;
    'folder') words='list create rename delete subscribe unsubscribe' ;;
    'query') words='list save delete' ;;
    'contact') words='list add import' ;;
    'index') words='status rebuild attachments check' ;;
    'account') words='add list show check default remove' ;;
    'config') words='get set edit path schema' ;;
    'fetch') options='--folder --limit --dry-run --count --deadline --fail-if-locked --keep --delete --delete-after --adopt --full --confirm-deletes'; arg='accounts'; case "$prev" in --folder) value='folders' ;; --limit) value='-' ;; --deadline) value='-' ;; --delete-after) value='-' ;; esac ;;
    'watch') options='--exec --once'; arg='accounts'; case "$prev" in --exec) value='-' ;; esac ;;
    'list') options='-n --limit --unread --threads --sort --reverse --after'; arg='folders'; case "$prev" in -n|--limit) value='-' ;; --sort) value='=date from subject size' ;; --after) value='-' ;; esac ;;
    'search') options='-n --limit --sort --threads --reverse --after --count -e --exit-code --server --save --explain'; arg=''; case "$prev" in -n|--limit) value='-' ;; --sort) value='=date relevance' ;; --after) value='-' ;; --save) value='-' ;; esac ;;
    'read') options='--thread --raw --html --headers --part --mark-seen'; arg='ids'; case "$prev" in --part) value='-' ;; esac ;;
    'attach list') options=''; arg='ids' ;;
    'attach save') options='-o --output'; arg='ids'; case "$prev" in -o|--output) value='dirs' ;; esac ;;
    'attach open') options=''; arg='ids' ;;
    'ui') options=''; arg='' ;;
    'send') options='-s --subject -c --cc -b --bcc -r --from -a --attach -H --header -F --file --html --markdown --no-signature --draft -E --not-empty --partial --ehlo --deadline --queue --at --undo --idempotency-key --on-unknown --dsn --dsn-return --envelope-id --require-tls --priority --deliver-by --if-late -n --dry-run -t --recipients-from-header --raw --merge --rate --limit'; arg='addresses'; case "$prev" in -s|--subject) value='-' ;; -c|--cc) value='addresses' ;; -b|--bcc) value='addresses' ;; -r|--from) value='-' ;; -a|--attach) value='files' ;; -H|--header) value='-' ;; -F|--file) value='files' ;; --html) value='files' ;; --partial) value='=abort deliver' ;; --ehlo) value='-' ;; --deadline) value='-' ;; --at) value='-' ;; --undo) value='-' ;; --idempotency-key) value='-' ;; --on-unknown) value='=hold retry' ;; --dsn) value='-' ;; --dsn-return) value='=full hdrs' ;; --envelope-id) value='-' ;; --priority) value='-' ;; --deliver-by) value='-' ;; --if-late) value='=return notify' ;; --merge) value='files' ;; --rate) value='-' ;; --limit) value='-' ;; esac ;;
    'reply') options='--all --list --quote -s --subject -c --cc -b --bcc -r --from -a --attach -H --header -F --file --html --markdown --no-signature --draft -E --not-empty --partial --ehlo --deadline --queue --at --undo --idempotency-key --on-unknown --dsn --dsn-return --envelope-id --require-tls --priority --deliver-by --if-late -n --dry-run'; arg='ids'; case "$prev" in -s|--subject) value='-' ;; -c|--cc) value='addresses' ;; -b|--bcc) value='addresses' ;; -r|--from) value='-' ;; -a|--attach) value='files' ;; -H|--header) value='-' ;; -F|--file) value='files' ;; --html) value='files' ;; --partial) value='=abort deliver' ;; --ehlo) value='-' ;; --deadline) value='-' ;; --at) value='-' ;; --undo) value='-' ;; --idempotency-key) value='-' ;; --on-unknown) value='=hold retry' ;; --dsn) value='-' ;; --dsn-return) value='=full hdrs' ;; --envelope-id) value='-' ;; --priority) value='-' ;; --deliver-by) value='-' ;; --if-late) value='=return notify' ;; esac ;;
    'forward') options='--as-attachment -s --subject -c --cc -b --bcc -r --from -a --attach -H --header -F --file --html --markdown --no-signature --draft -E --not-empty --partial --ehlo --deadline --queue --at --undo --idempotency-key --on-unknown --dsn --dsn-return --envelope-id --require-tls --priority --deliver-by --if-late -n --dry-run'; arg='addresses'; case "$prev" in -s|--subject) value='-' ;; -c|--cc) value='addresses' ;; -b|--bcc) value='addresses' ;; -r|--from) value='-' ;; -a|--attach) value='files' ;; -H|--header) value='-' ;; -F|--file) value='files' ;; --html) value='files' ;; --partial) value='=abort deliver' ;; --ehlo) value='-' ;; --deadline) value='-' ;; --at) value='-' ;; --undo) value='-' ;; --idempotency-key) value='-' ;; --on-unknown) value='=hold retry' ;; --dsn) value='-' ;; --dsn-return) value='=full hdrs' ;; --envelope-id) value='-' ;; --priority) value='-' ;; --deliver-by) value='-' ;; --if-late) value='=return notify' ;; esac ;;
    'bounce') options='-c --cc -r --from --partial --ehlo --deadline --queue --at --undo --idempotency-key --on-unknown -n --dry-run'; arg='addresses'; case "$prev" in -c|--cc) value='addresses' ;; -r|--from) value='-' ;; --partial) value='=abort deliver' ;; --ehlo) value='-' ;; --deadline) value='-' ;; --at) value='-' ;; --undo) value='-' ;; --idempotency-key) value='-' ;; --on-unknown) value='=hold retry' ;; esac ;;
    'draft list') options=''; arg='' ;;
    'draft edit') options=''; arg='ids' ;;
    'draft send') options='--partial --ehlo --deadline --queue --at --undo --idempotency-key --on-unknown -n --dry-run'; arg='ids'; case "$prev" in --partial) value='=abort deliver' ;; --ehlo) value='-' ;; --deadline) value='-' ;; --at) value='-' ;; --undo) value='-' ;; --idempotency-key) value='-' ;; --on-unknown) value='=hold retry' ;; esac ;;
    'draft delete') options=''; arg='ids' ;;
    'outbox list') options=''; arg='' ;;
    'outbox show') options=''; arg='' ;;
    'outbox run') options=''; arg='' ;;
    'outbox hold') options=''; arg='' ;;
    'outbox retry') options=''; arg='' ;;
    'outbox cancel') options=''; arg='' ;;
    'sendmail') options=''; arg='' ;;
    'delete') options='--purge -n --dry-run -y --yes'; arg='ids' ;;
    'move') options='--to --create -y --yes'; arg='ids'; case "$prev" in --to) value='folders' ;; esac ;;
    'copy') options='--to --create -y --yes'; arg='ids'; case "$prev" in --to) value='folders' ;; esac ;;
    'archive') options='-y --yes'; arg='ids' ;;
    'spam') options='-y --yes'; arg='ids' ;;
    'ham') options='-y --yes'; arg='ids' ;;
    'flag') options='-y --yes'; arg='ids' ;;
    'undo') options=''; arg='changes' ;;
    'redo') options=''; arg='' ;;
    'log') options='-n --limit'; arg=''; case "$prev" in -n|--limit) value='-' ;; esac ;;
    'folder list') options=''; arg='' ;;
    'folder create') options=''; arg='folders' ;;
    'folder rename') options=''; arg='folders' ;;
    'folder delete') options='-y --yes'; arg='folders' ;;
    'folder subscribe') options=''; arg='folders' ;;
    'folder unsubscribe') options=''; arg='folders' ;;
    'query list') options=''; arg='' ;;
    'query save') options=''; arg='queries' ;;
    'query delete') options=''; arg='queries' ;;
    'contact list') options='-n --limit'; arg=''; case "$prev" in -n|--limit) value='-' ;; esac ;;
    'contact add') options=''; arg='' ;;
    'contact import') options=''; arg='files' ;;
    'import') options='--to'; arg='files'; case "$prev" in --to) value='folders' ;; esac ;;
    'export') options='-o --output --as'; arg=''; case "$prev" in -o|--output) value='files' ;; --as) value='=mbox eml maildir' ;; esac ;;
    'index status') options=''; arg='' ;;
    'index rebuild') options=''; arg='' ;;
    'index attachments') options=''; arg='' ;;
    'index check') options='--repair'; arg='' ;;
    'account add') options='--name --full-name --imap-host --imap-port --imap-tls --imap-user --imap-password-command --imap-password-file --imap-password-env --pop3-host --pop3-port --pop3-tls --pop3-user --pop3-password-command --pop3-password-file --pop3-password-env --pop3-leave --smtp-host --smtp-port --smtp-tls --smtp-user --smtp-password-command --smtp-password-file --smtp-password-env --user --password-command --password-file --password-stdin --password-env --ca-file --no-check'; arg=''; case "$prev" in --name) value='-' ;; --full-name) value='-' ;; --imap-host) value='-' ;; --imap-port) value='-' ;; --imap-tls) value='=implicit starttls none' ;; --imap-user) value='-' ;; --imap-password-command) value='-' ;; --imap-password-file) value='files' ;; --imap-password-env) value='-' ;; --pop3-host) value='-' ;; --pop3-port) value='-' ;; --pop3-tls) value='=implicit starttls none' ;; --pop3-user) value='-' ;; --pop3-password-command) value='-' ;; --pop3-password-file) value='files' ;; --pop3-password-env) value='-' ;; --pop3-leave) value='-' ;; --smtp-host) value='-' ;; --smtp-port) value='-' ;; --smtp-tls) value='=implicit starttls none' ;; --smtp-user) value='-' ;; --smtp-password-command) value='-' ;; --smtp-password-file) value='files' ;; --smtp-password-env) value='-' ;; --user) value='-' ;; --password-command) value='-' ;; --password-file) value='files' ;; --password-env) value='-' ;; --ca-file) value='files' ;; esac ;;
    'account list') options=''; arg='' ;;
    'account show') options=''; arg='accounts' ;;
    'account check') options=''; arg='accounts' ;;
    'account default') options=''; arg='accounts' ;;
    'account remove') options='-y --yes'; arg='accounts' ;;
    'config get') options=''; arg='' ;;
    'config set') options=''; arg='' ;;
    'config edit') options=''; arg='' ;;
    'config path') options=''; arg='' ;;
    'config schema') options=''; arg='' ;;
    'doctor') options='--cron'; arg='' ;;
    'demo') options='--script'; arg='' ;;
    'completion') options=''; arg='=bash zsh fish' ;;
    'help') options=''; arg='=query output exit-codes environment fetch watch list search read attach ui send reply forward bounce draft outbox sendmail delete move copy archive spam ham flag undo redo log folder query contact import export index account config doctor demo completion help' ;;
  esac
  if [[ -n $value ]]; then
    _mailcli_offer "$value" "$cur"
  elif [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options -A --account --json --format --ids -0 --null -q --quiet -v --verbose --color --no-input --offline --config --transcript --profile --plain --log-file -h --help" -- "$cur"))
  elif [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else
    _mailcli_offer "$arg" "$cur"
  fi
}
complete -F _mailcli mailcli
