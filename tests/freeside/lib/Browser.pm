package Browser;

# Debian's Chromium, driven by its chromedriver through WebDriver: JSON over HTTP. It sees
# 127.0.0.1 only, and ends with the test.
#
#     my $browser = Browser->start;
#     $browser->go("$url/view/svc_acct.cgi?2");
#     $browser->fill('input[name=username]' => 'ann');
#     $browser->click('input[type=submit]');
#     like $browser->text, qr/ann/x;
#     $browser->picture('service');          # service.png in MAGICMAIL_PICTURES
#     $browser->cut('mailbox', 'return [...document.querySelectorAll("h1")]');

use strict;
use warnings;

use parent qw( Kept );

use Carp       qw( croak );
use English    qw( -no_match_vars );
use File::Path qw( make_path );
use File::Temp qw( tempdir );
use HTTP::Tiny;
use JSON::PP;
use MIME::Base64 qw( decode_base64 );
use POSIX        ();
use Time::HiRes  qw( sleep time );

my $CHROMIUM = '/usr/bin/chromium';
my $DRIVER   = '/usr/bin/chromedriver';
my $LONGEST  = 120;
my $PAUSE    = 0.1;
my @SIZE     = (1400, 900);

# The name that WebDriver gives an element's id.
my $ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

my $json = JSON::PP->new->utf8;

sub lacks {
    return 'Chromium is not installed (apt install chromium)' if !-x $CHROMIUM;
    return 'chromedriver is not installed (apt install chromium-driver)'
        if !-x $DRIVER;
    return q{};
}

sub start {
    my ($class) = @_;
    my $self = bless {
        owner  => $PID,
        http   => HTTP::Tiny->new(timeout => $LONGEST, no_proxy => ['127.0.0.1']),
        folder => tempdir('magicmail-browser-XXXXXX', TMPDIR => 1, CLEANUP => 1),
    }, $class;
    $self->_start_driver;
    my @arguments = (
        qw( --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-proxy-server ),
        '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
        "--user-data-dir=$self->{folder}/profile",
        sprintf '--window-size=%d,%d',
        @SIZE
    );
    my %wanted = (
        'browserName'        => 'chrome',
        'goog:chromeOptions' => {binary   => $CHROMIUM, args => \@arguments},
        'timeouts'           => {pageLoad => 1000 * $LONGEST},
    );
    my $made = $self->_ask(
        POST => '/session',
        {capabilities => {alwaysMatch => \%wanted}}
    );
    $self->{session} = "/session/$made->{sessionId}";
    return $self;
}

# A process between this one and chromedriver ends it, and with it Chromium, when this one
# is gone: then the pipe that it reads has no writer any more.
sub _start_driver {
    my ($self) = @_;
    pipe my $output, my $printed or croak "pipe: $OS_ERROR";
    $self->keep_by(
        sub {
            my ($reader) = @_;
            POSIX::setsid();
            my $driver = fork;
            if (defined $driver && !$driver) {
                local $ENV{HOME} = $self->{folder};
                POSIX::dup2(fileno $printed, 1);
                exec $DRIVER, '--port=0' or POSIX::_exit(127);
            }
            close $printed;
            sysread $reader, my $nothing, 1;
            return kill KILL => -$PID;
        }
    );
    close $printed;
    $self->{output} = $output;
    while (my $line = <$output>) {
        next if $line !~ m/successfully [ ] on [ ] port [ ] (\d+)/x;
        $self->{at} = "http://127.0.0.1:$1";
        return;
    }
    croak "$DRIVER does not start";
}

sub _ask {
    my ($self, $method, $path, $body) = @_;
    my %request =
        $method eq 'POST' ? (content => $json->encode($body || {})) : ();
    my $answer = $self->{http}->request($method => "$self->{at}$path", \%request);
    my $value  = eval { $json->decode($answer->{content})->{value} };
    if (!$answer->{success}) {
        croak "the browser: $method $path: ", ref $value
            ? "$value->{error}: $value->{message}"
            : $answer->{content};
    }
    return $value;
}

sub _in_session {
    my ($self, $method, $path, $body) = @_;
    return $self->_ask($method, "$self->{session}$path", $body);
}

sub go {
    my ($self, $url) = @_;
    return $self->_in_session(POST => '/url', {url => $url});
}
sub address { my ($self) = @_; return $self->_in_session(GET => '/url') }
sub source  { my ($self) = @_; return $self->_in_session(GET => '/source') }

# What can be read on the page, in its frames too.
sub text {
    my ($self) = @_;
    return $self->script(<<'END');
const read = w => [w.document.body ? w.document.body.innerText : '', ...Array.from(w.frames).map(read)].join('\n');
return read(window);
END
}

# What a script returns.
sub script {
    my ($self, $script, @arguments) = @_;
    return $self->_in_session(
        POST => '/execute/sync',
        {script => $script, args => \@arguments}
    );
}

# The first that is shown: Freeside's pages hide many.
sub _element {
    my ($self, $selector) = @_;
    my $element = $self->script( <<'END', $selector) or croak "the page shows no $selector";
return [...document.querySelectorAll(arguments[0])].find(e => e.getClientRects().length);
END
    return "/element/$element->{$ELEMENT}";
}

sub fill {
    my ($self, $selector, $text) = @_;
    my $element = $self->_element($selector);
    $self->_in_session(POST => "$element/clear");
    return $self->_in_session(POST => "$element/value", {text => $text});
}

sub click {
    my ($self, $selector) = @_;
    return $self->_in_session(POST => $self->_element($selector) . '/click');
}

# Whether the code says yes in time.
sub wait_until {
    my ($self, $code) = @_;
    my $until = time + $LONGEST;
    while (time < $until) {
        return 1 if eval { $code->() };
        sleep $PAUSE;
    }
    return 0;
}

sub _devtools {
    my ($self, $command, %parameters) = @_;
    return $self->_in_session(POST => '/goog/cdp/execute', {cmd => $command, params => \%parameters});
}

# A window of another width, of so many dots for each pixel.
sub resize {
    my ($self, $width, $dots) = @_;
    return $self->_devtools(
        'Emulation.setDeviceMetricsOverride',
        width             => $width,
        height            => $SIZE[1],
        deviceScaleFactor => $dots,
        mobile            => JSON::PP::false
    );
}

# The whole page as a picture, if somebody wants to look at it.
sub picture {
    my ($self, $name) = @_;
    return $self->_keep_picture($name);
}

# The same of a part only: of the elements that a script returns, from the first to the
# last. Returns whether the page has any.
sub cut {
    my ($self, $name, $script) = @_;
    my $part = $self->script( <<"END" ) or return 0;
const boxes = (() => { $script })().map(e => e.getBoundingClientRect()).filter(b => b.width);
const most = side => Math.max(...boxes.map(b => b[side]));
const least = side => Math.min(...boxes.map(b => b[side]));
return boxes.length && {
  x: scrollX + least('left'), y: scrollY + least('top'),
  width: most('right') - least('left'), height: most('bottom') - least('top'),
};
END
    $self->_keep_picture($name, clip => {%{$part}, scale => 1});
    return 1;
}

sub _keep_picture {
    my ($self, $name, %which) = @_;
    my $folder = $ENV{MAGICMAIL_PICTURES};
    return if !defined $folder || $folder eq q{};
    make_path($folder);
    my $taken = $self->_devtools('Page.captureScreenshot', captureBeyondViewport => JSON::PP::true, %which);
    open my $file, '>:raw', "$folder/$name.png"
        or croak "$folder/$name.png: $OS_ERROR";
    print {$file} decode_base64($taken->{data});
    close $file or croak "$folder/$name.png: $OS_ERROR";
    return;
}

1;
