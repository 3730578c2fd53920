"""The composition root of the web: settings, database and files go in, one Flask application comes out."""

from __future__ import annotations

from flask import Flask

from config.settings import Settings
from storage.database import Database
from storage.files import Files
from web import auth, errors, forms, logging, security, shown
from web.api.install import install as install_api
from web.pages import about, account, act, administration, door, dossier, draft, history, home, papers
from web.startup import secret_key
from web.wiring import EXTENSION, Wiring

# Routes whose forms carry a file and may be as large as one.
UPLOADS = ("papers.upload", "act.act", "act.act_on_nominee")


def create_app(settings: Settings, database: Database, files: Files) -> Flask:
    """Return the application that serves pages and API from ``database`` and ``files``.

    Raises ``ValueError`` when a demo is asked for in production: its doors need no password.
    """
    if settings.demo and settings.is_production:
        raise ValueError("a demo cannot run in production")
    app = Flask("web", static_folder="static", template_folder="templates")
    secret = secret_key(settings)
    app.config.update(SECRET_KEY=secret, UPLOAD_ENDPOINTS=UPLOADS, MAX_COOKIE_SIZE=4093)
    app.extensions[EXTENSION] = Wiring(settings, database, files, secret.encode())
    logging.configure(settings.log_level)
    logging.install(app)  # first, so that every refusal has its request id
    security.install(app, settings)
    auth.install(app, settings)
    errors.install(app)
    shown.install(app)
    app.jinja_env.filters["field_id"] = forms.field_id
    for module in (about, account, act, administration, door, dossier, draft, history, home, papers):
        app.register_blueprint(module.pages)
    install_api(app)
    if settings.demo:
        app.add_url_rule("/demo/<account_ref>", "door.as_person", door.as_person, methods=["POST"])
    return app
