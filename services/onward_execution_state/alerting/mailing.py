"""One mail by SMTP, in a thread: through the server that the operator has set, with STARTTLS where that offers it."""

import asyncio
import smtplib
import ssl
import time
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import msgspec

from onward_execution_state.alerting.posting import Answered

SECONDS = 20.0


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """`smtp://user:password@host:587`, or `smtps://` where TLS begins at once; and the sender."""

    url: str
    sender: str

    async def send(self, message_id: str, to: tuple[str, ...], body: bytes) -> Answered:
        """Sends it once; never raises."""
        began = time.monotonic()
        stored = msgspec.json.decode(body, type=dict[str, str])
        try:
            await asyncio.to_thread(self._send, message_id, to, stored)
        except smtplib.SMTPRecipientsRefused as error:
            return _failed(began, None, f"all addresses were refused: {error.recipients}"[:500])
        except smtplib.SMTPResponseException as error:
            return _failed(began, error.smtp_code, str(error.smtp_error)[:500])
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return _failed(began, None, f"{type(error).__name__}: {error}"[:500])
        return Answered(code=250, duration_ms=_ms(began))

    def _send(self, message_id: str, to: tuple[str, ...], stored: dict[str, str]) -> None:
        parts = urlsplit(self.url)
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, ", ".join(to), stored["subject"]
        message["Message-ID"] = f"<{message_id}@onward>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(stored["text"])
        context = ssl.create_default_context()
        host, secure = parts.hostname or "localhost", parts.scheme == "smtps"
        with (
            smtplib.SMTP_SSL(host, parts.port or 465, timeout=SECONDS, context=context)
            if secure
            else smtplib.SMTP(host, parts.port or 587, timeout=SECONDS)
        ) as server:
            server.ehlo()
            if not secure and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            if parts.username is not None:
                if not secure and not isinstance(server.sock, ssl.SSLSocket):
                    raise ValueError("the server offers no STARTTLS: the password is not sent in the open")
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(message, to_addrs=list(to))


def _failed(began: float, code: int | None, error: str) -> Answered:
    return Answered(code=code, duration_ms=_ms(began), error=error)


def _ms(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 3)
