"""The tour: Planshift as a company would run it, told scene by scene, with every claim checked.

``stack`` starts sandbox, service, worker and mail server as processes of their own; ``cast`` picks
the plans from the catalogue; ``programme`` chooses the scenes that its rules allow; ``tour`` plays
them. A scene announces what will happen, lets it happen, and compares.
"""
